"""The whole story on real data, with the embedded broker and the real daemon as its own process."""
