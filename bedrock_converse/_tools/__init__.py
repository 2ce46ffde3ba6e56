"""The parts of `bedrock_converse.tools`: functions as tools, their names and results, the loop and its stream."""
