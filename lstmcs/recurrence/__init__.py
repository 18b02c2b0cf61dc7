"""wing"""
