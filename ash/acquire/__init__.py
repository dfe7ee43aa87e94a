"""Raw sets: fetched where the publisher allows it, else asked for by name; verified, unpacked, pinned.

archives          what is known of a set that comes as archives
sources           the sets of the paper: their archives, where they come from, their licences
streets           the same of street sets beyond them, and of pictures to take styles from
download          one file over HTTP, resumed and verified
watched           gives up a server that sends a byte now and then
cityscapes_login  csDownload, which has the account
members           which members of an archive belong to the set, and why an archive is refused
unpack            one archive into the set's folder, nothing outside it, resumed
steps             a whole set: fetch, verify, unpack, count; what is missing and what to do
status            what is there of a set and what is missing, for `ash check`
order             what is asked of it
singles           a set that is published as single files
disk              where fetched files wait, and one process at a time
given             a folder that holds a set already
contents          pins of every file of a set whose archives may be packed anew
journal           pins of what publishers serve, and a record of this machine's archives
networks          published weights: where each comes from, and which a protocol needs
unfit             files of weights that cannot serve as what the protocol names them for
weights           fetches those weights and holds them against their pins
authors_files     the trained models of ASH's authors, brought by the user
"""
