"""What Unicode says of characters: which scripts they belong to, and what they look like.

Here live its tables and the two questions that `chatd.chat` asks of them. Rules of names never do; see
`chatd.chat.new_names`.
"""
