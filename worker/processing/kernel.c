/*
 * The two loops of maze.py that touch every pixel: telling corridors from walls, and the search.
 *
 * Freestanding C (no libc, no allocation): the caller owns all memory, so one compiler call makes
 * it for any target. Built by worker/Makefile.
 *
 * cells: one byte a pixel in rows of `width + 1` bytes, with one closed row above and one below and
 * a closed byte before and after every row (shared by its neighbours). The closed rim is what
 * keeps the search inside the picture: it never wraps around the sides, and needs no bounds checks.
 * Size: (width + 1) * (height + 2) + 1 bytes, all 0. The pixel (x, y) lies at
 * (y + 1) * (width + 1) + 1 + x.
 */
#include <stdint.h>

enum { WALL = 0, OPEN = 1, FROM_ABOVE, FROM_BELOW, FROM_LEFT, FROM_RIGHT, START, PATH };

/*
 * An image's own memory as Pillow hands it out, by the Arrow C data interface (a stable ABI:
 * https://arrow.apache.org/docs/format/CDataInterface.html). RGB is one list of four bytes a pixel,
 * R, G, B and one unused; taken here as one number, R lowest (both targets are little-endian).
 */
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

static uint32_t *pixels_of(const struct ArrowArray *image)
{
    return (uint32_t *)image->children[0]->buffers[1];
}

/* Mark the pixels with R + G + B >= open_sum. */
void mark_open(uint8_t *cells, const struct ArrowArray *image, int32_t width, int32_t height,
               uint32_t open_sum)
{
    const uint32_t *pixel = pixels_of(image);
    uint8_t *cell = cells + width + 2;
    for (int32_t y = 0; y < height; y++, pixel += width, cell += width + 1)
        for (int32_t x = 0; x < width; x++)
            cell[x] = (pixel[x] & 255) + (pixel[x] >> 8 & 255) + (pixel[x] >> 16 & 255) >= open_sum;
}

/*
 * A frontier of one cell in a corridor: go straight on, as far as there is no other way. Gives the
 * cell where that ends, or the one above the bottom row. Of a spiral, this is nearly all.
 */
static int32_t follow(uint8_t *cells, int32_t at, int32_t stride, int32_t bottom)
{
    static const uint8_t from[] = {FROM_ABOVE, FROM_LEFT, FROM_RIGHT, FROM_BELOW};
    const int32_t steps[] = {stride, 1, -1, -stride};

    for (int way = 0; way < 4; way++) {
        const int32_t step = steps[way];
        const int32_t side = step == 1 || step == -1 ? stride : 1;
        if (cells[at + step] != OPEN)
            continue;
        if (cells[at - step] == OPEN)
            break;
        while (cells[at + step] == OPEN && cells[at + side] != OPEN && cells[at - side] != OPEN &&
               at + step < bottom) {
            at += step;
            cells[at] = from[way];
            __builtin_prefetch(&cells[at + 16 * (int64_t)step]);
        }
        break;
    }
    return at;
}

/*
 * Breadth-first search from all open pixels of the top row at once (Moore 1959); every pixel
 * reached keeps the direction it was reached from, so that the path needs no further memory.
 * `here` and `next` hold one frontier each; a frontier is at most every pixel of the picture.
 *
 * Paints a shortest path into the image and returns its length in pixels; 0 where there is none.
 */
int32_t solve(uint8_t *cells, const struct ArrowArray *image, int32_t width, int32_t height,
              const uint8_t *colour, int32_t *here, int32_t *next)
{
    const int32_t stride = width + 1;
    const int32_t first = stride + 1;                 /* (0, 0) */
    const int32_t bottom = height * stride + 1;       /* (0, height - 1) */
    int32_t found = -1;
    int32_t frontier = 0;

    /* Neighbours in a frontier lie anywhere in memory: ask for the cells of one this far ahead. */
    const int32_t ahead = 8;

    for (int32_t at = first; at < first + width; at++)
        if (cells[at] == OPEN) {
            cells[at] = START;
            here[frontier++] = at;
        }
    if (height == 1 && frontier)
        found = here[0];

    while (frontier && found < 0) {
        int32_t reached = 0;
        if (frontier == 1)
            here[0] = follow(cells, here[0], stride, bottom);
        for (int32_t i = 0; i < frontier; i++) {
            const int32_t at = here[i];
            const int32_t soon = here[i + ahead < frontier ? i + ahead : i];
            __builtin_prefetch(&cells[soon - stride]);
            __builtin_prefetch(&cells[soon + stride]);
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
    if (found < 0)
        return 0;

    int32_t length = 0;
    for (int32_t at = found; cells[at] != PATH;) {
        const uint8_t from = cells[at];
        const int32_t step = from == FROM_ABOVE ? -stride
                           : from == FROM_BELOW ? stride
                           : from == FROM_LEFT ? -1
                           : from == FROM_RIGHT ? 1
                           : 0; /* START */
        do {
            cells[at] = PATH;
            length++;
            at += step;
            __builtin_prefetch(&cells[at + 16 * (int64_t)step]);
        } while (cells[at] == from);
    }

    /* Row by row: along a path that is long, pixels would each come from another page of memory. */
    const uint32_t paint = colour[0] | colour[1] << 8 | colour[2] << 16 | 255u << 24;
    uint32_t *pixel = pixels_of(image);
    const uint8_t *cell = cells + first;
    for (int32_t y = 0; y < height; y++, pixel += width, cell += stride)
        for (int32_t x = 0; x < width; x++)
            if (cell[x] == PATH)
                pixel[x] = paint;
    return length;
}
