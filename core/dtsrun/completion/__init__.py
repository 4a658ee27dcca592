"""The cutover: gates, the fence around the source, the drain, the proof that nothing was left behind, and their order.

Functions and values that take connections, links and statuses; the engine calls them (`dtsrun.completion.order`).
"""
