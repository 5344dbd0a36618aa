"""The one file: metadata entry, parts behind the flatbuffer, golden vectors."""
