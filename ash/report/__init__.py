"""Tables, figures and the page, from the files of the runs; rebuilt without torch."""
