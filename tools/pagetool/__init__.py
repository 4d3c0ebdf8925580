"""The page tool: Markdown in, executed notebooks out. Its commands: tools/pages.py."""
