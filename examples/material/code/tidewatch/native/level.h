#ifndef TIDEWATCH_LEVEL_H
#define TIDEWATCH_LEVEL_H

#include <stddef.h>

struct constituent {
    double amplitude;   /* metres */
    double speed;       /* radians per hour */
    double phase;       /* radians */
};

/* Fill levels[0..count) with the water level at start, start + step, ... */
void tide_levels(const struct constituent *parts, size_t parts_count,
                 double start, double step, double *levels, size_t count);

#endif
