"""Raw sets: fetched where the publisher allows it, else asked for by name; verified, unpacked, pinned.

sources           which archives a set consists of, where they come from, its licence
download          one file over HTTP, resumed and verified
cityscapes_login  csDownload, which has the account
members           which members of an archive belong to the set, and why an archive is refused
unpack            one archive into the set's folder, nothing outside it, resumed
steps             a whole set: fetch, verify, unpack, count; what is missing and what to do
status            what is there of a set and what is missing, for `ash check`
disk              where fetched files wait, and one process at a time
journal           pins of what publishers serve, and a record of this machine's archives
networks          published weights: where each comes from, and which a protocol needs
weights           fetches those weights and holds them against their pins
authors_files     the trained models of ASH's authors, brought by the user
"""
