"""The few pages that a person without a program needs: links of e-mails, and letting a device in.

They work without JavaScript, load nothing, and post to themselves.
"""
