"""A person's terminal: keys, the line being edited, cells, the region that is painted, descriptors.

Never here: commands, the client; of its neighbours it asks `chatd.client.cli.text` alone.
The consoles of the interactive client call it.
"""
