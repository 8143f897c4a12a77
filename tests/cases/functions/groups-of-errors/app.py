"""A handler's error that is a group, with members, causes and notes."""


def handler(event, context):
    found = []
    for n in (1, 2):
        try:
            try:
                {}["key"]
            except KeyError as error:
                raise ValueError(f"member {n}") from error
        except ValueError as error:
            error.add_note(f"note {n}")
            found.append(error)
    group = ExceptionGroup("several", found)
    group.add_note("note of the group")
    raise group
