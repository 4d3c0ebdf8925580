"""Looking at the built site in a real browser; used by tools/browser_check.py."""
