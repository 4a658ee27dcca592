"""Following the changes of a source in use: replica identities, publications, slots, and the links made of them.

Everything here takes connections and returns plain data; what is made and when is the engine's to say.
"""
