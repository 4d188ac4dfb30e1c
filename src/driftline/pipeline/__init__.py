"""The only place where stages meet: feed, advance, snapshot, restore. Pure: it returns effects."""
