"""Raw sets: fetched where the publisher allows it, else asked for by name; verified, unpacked, pinned.

sources     which archives a set consists of, where they come from, its licence
download    one file over HTTP, resumed and verified
cityscapes  csDownload, which has the account
unpack      one archive into the set's folder, nothing outside it, resumed
steps       a whole set: fetch, verify, unpack, count; what is missing and what to do
"""
