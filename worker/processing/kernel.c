/*
 * The two loops of maze.py that touch every pixel: telling corridors from walls, and the search.
 *
 * Freestanding C (no libc, no allocation): the caller owns all memory, so one compiler call makes
 * it for any target. Built by worker/Makefile.
 *
 * cells: one byte a pixel in rows of `width + 1` bytes, with one closed row above and one below and
 * a closed byte before and after every row (shared by its neighbours). The closed rim is what
 * keeps the search inside the picture: it never wraps around the sides, and needs no bounds checks.
 * Size: CELLS(width, height) bytes. The pixel (x, y) lies at (y + 1) * (width + 1) + 1 + x.
 */
#include <stdint.h>

enum { WALL = 0, OPEN = 1, FROM_ABOVE, FROM_BELOW, FROM_LEFT, FROM_RIGHT, START, PATH = 255 };

/* Mark the open pixels of `rows` rows from row `top` on. pixels: R, G, B, unused; 4 bytes each. */
void mark_open(uint8_t *cells, const uint8_t *pixels, int32_t width, int32_t top, int32_t rows,
               int32_t open_sum)
{
    const int64_t stride = (int64_t)width + 1;
    for (int32_t y = 0; y < rows; y++) {
        uint8_t *cell = cells + (top + y + 1) * stride + 1;
        const uint8_t *pixel = pixels + (int64_t)y * width * 4;
        for (int32_t x = 0; x < width; x++)
            cell[x] = pixel[4 * x] + pixel[4 * x + 1] + pixel[4 * x + 2] >= open_sum;
    }
}

/*
 * Breadth-first search from all open pixels of the top row at once (Moore 1959); every pixel
 * reached keeps the direction it was reached from, so that the path needs no further memory.
 * `here` and `next` hold one frontier each; a frontier is at most every pixel of the picture.
 *
 * Returns the length of the shortest path in pixels, with its cells set to 255 and all others
 * to 0, or 0 where no path exists.
 */
int32_t solve(uint8_t *cells, int32_t width, int32_t height, int32_t *here, int32_t *next)
{
    const int32_t stride = width + 1;
    const int32_t first = stride + 1;                 /* (0, 0) */
    const int32_t bottom = height * stride + 1;       /* (0, height - 1) */
    const int32_t end = (height + 2) * stride + 1;
    int32_t found = -1;
    int32_t frontier = 0;

    for (int32_t at = first; at < first + width; at++)
        if (cells[at] == OPEN) {
            cells[at] = START;
            here[frontier++] = at;
        }
    if (height == 1 && frontier)
        found = here[0];

    while (frontier && found < 0) {
        int32_t reached = 0;
        for (int32_t i = 0; i < frontier; i++) {
            const int32_t at = here[i];
            if (cells[at + stride] == OPEN) {
                cells[at + stride] = FROM_ABOVE;
                next[reached++] = at + stride;
                if (at + stride >= bottom) {
                    found = at + stride;
                    break;
                }
            }
            if (cells[at + 1] == OPEN) {
                cells[at + 1] = FROM_LEFT;
                next[reached++] = at + 1;
            }
            if (cells[at - 1] == OPEN) {
                cells[at - 1] = FROM_RIGHT;
                next[reached++] = at - 1;
            }
            if (cells[at - stride] == OPEN) {
                cells[at - stride] = FROM_BELOW;
                next[reached++] = at - stride;
            }
        }
        int32_t *swap = here;
        here = next;
        next = swap;
        frontier = reached;
    }

    int32_t length = 0;
    for (int32_t at = found; at >= 0; length++) {
        const uint8_t from = cells[at];
        cells[at] = PATH;
        switch (from) {
        case FROM_ABOVE: at -= stride; break;
        case FROM_BELOW: at += stride; break;
        case FROM_LEFT: at -= 1; break;
        case FROM_RIGHT: at += 1; break;
        default: at = -1; /* START */
        }
    }
    for (int32_t at = 0; at < end; at++)
        cells[at] = cells[at] == PATH ? PATH : 0;
    return length;
}
