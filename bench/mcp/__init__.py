"""What MCP costs: calls of tools beside other servers, and updates to many streams."""
