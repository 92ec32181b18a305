"""The size that timingle is built for: 100,000 events, 10,000,000 messages of 500 bytes, loaded through the road."""
