"""Say in Chinese what each tag is (数据字典): definition, unit, window and meaning of null.

In: the catalogue of tags, and the words of this folder: one file a group, `words.toml` for all.
Out: every tag in the language of the reader, and `docs/tags.zh.md`.
Read first: `phrases.py`, then a file such as `claims.toml`.
"""
