"""A drawn world in place of the real sets: street scenes in two narrow "synthetic" and three wide "real" domains.

    textures    periodic grey textures
    looks       what each class looks like in each domain: colours, textures, spread
    geometry    camera, and the canvas on which parts are drawn from far to near
    objects     people, two-wheelers, vehicles
    street      vegetation, posts, facades, posters
    layout      where everything stands
    optics      from the part map to an image: textures, weather, lens, sensor, JPEG
    conditions  night, fog, rain and snow: twins of one of the real domains
    scene       one scene: image and labels
    paintings   abstract paintings
    draw        whole sets, in the published layouts
    mark        which folder holds a drawn set, and which somebody's own

Layout and shapes follow one law in all domains; colour, texture and edge statistics do not.  That is the domain gap.
"""
