"""Mutation testing: does a test fail when one thing in the code is changed?"""
