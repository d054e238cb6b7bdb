"""What customers are told, when, and in which language.

Words: notice (that something is to be told), template (the words of it, in Spanish and English), facts (what the
words are filled with), message (the words as they were sent), muted (counted, never written or sent).
Laws: a dedupe key is told once, whoever asks again. Nothing in a fact can begin another header or another line.
A message is sent outside of every transaction and marked afterwards; only a crash between the two can send it
again, under the same Message-ID.
"""
