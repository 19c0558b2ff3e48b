"""Functions that the model may call.

kinds.py     types of Python and values of JSON; pure
schema.py    a function's JSON schema, and its arguments read by it; pure
rounds.py    when calls are run and answered, and when the model goes on; pure
runner.py    runs them beside the stream, in threads and tasks
"""
