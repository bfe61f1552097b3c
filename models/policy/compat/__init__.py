"""Policies of other products, read and written: Linktor's object literal and ScaiBot's rules.

``import_...`` gives a policy document and says what it could not take over; ``export_...`` gives the other product's object and
names what that product can't say. What was imported and is exported again comes back as the same policy.
"""
