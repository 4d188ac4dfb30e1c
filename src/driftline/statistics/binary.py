"""One name for the other class of a binary task, where predictions by score alone could not know it.

A score below the threshold says "not the positive", and labels alone may tell what that is called. Which
class it is must not depend on what was read first: it is told from the window's own counts.
"""

from __future__ import annotations

import numpy as np

from driftline.records import Ints


def negative_of(confusion: Ints, positive: int, unnamed: int) -> Ints:
    """The class that occurs most beside the positive and the unnamed one.

    Parameters
    ----------
    confusion
        [E, C, C] (true, predicted), classes in the order of their names: it decides on equal counts.
    positive, unnamed
        Places of the positive class, and of the one that stands for "not the positive".

    Returns
    -------
    Ints
        [E] places; ``unnamed`` where no other class occurs.
    """
    occurs = confusion.sum(axis=1) + confusion.sum(axis=2)
    occurs[:, [positive, unnamed]] = 0
    return np.where(occurs.any(axis=1), occurs.argmax(axis=1), unnamed)


def name_negative(confusion: Ints, positive: int, unnamed: int, negative: Ints) -> Ints:
    """The confusion [E, C, C] with no prediction of the unnamed class left where there is a name for it.

    Against a label of any other class than the positive, "not the positive" is right, and counts as a
    prediction of that label's class; against the positive it is wrong, and counts as one of ``negative`` [E].
    """
    out = confusion.copy()
    others = np.delete(np.arange(confusion.shape[-1]), [positive, unnamed])
    out[:, others, others] += out[:, others, unnamed]
    out[:, others, unnamed] = 0
    wrong, each = out[:, positive, unnamed].copy(), np.arange(len(out))
    out[:, positive, unnamed] = 0
    out[each, positive, negative] += wrong
    return out
