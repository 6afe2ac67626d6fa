"""What is compared: graphs, what they are asked, and where their reference comes from."""
