"""What is looked at while changes are followed: lag, slots, stalls, errors of applying, and drift of the source.

Everything takes connections and gives plain data. When to look, and what becomes of what was seen, is the engine's.
"""
