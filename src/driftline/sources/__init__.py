"""Bytes in, with offsets: Kafka, the embedded broker and files behind one port."""
