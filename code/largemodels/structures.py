"""Lists, tuples and dictionaries of tensors, nested as one likes."""


def map_structure(function, structure):
    """The same structure with function(leaf) for every leaf, from first to last.

    Lists, tuples and dictionaries are structures; anything else is a leaf.
    """
    if isinstance(structure, dict):
        return {key: map_structure(function, part) for key, part in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(map_structure(function, part) for part in structure)
    return function(structure)
