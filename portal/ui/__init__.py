"""The faces: no rules of their own, every one enters by a Federation method."""
