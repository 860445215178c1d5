/*
 * The two loops of maze.py that touch every pixel: telling corridors from walls, and the search.
 *
 * Freestanding C (no libc, no allocation): the caller owns all memory, so one compiler call makes
 * it for any target. Built by worker/Makefile.
 *
 * cells: one byte a pixel in rows of `stride` bytes, more than `width`, with one closed row above
 * and one below. What is left of every row is closed, too. This closed rim is what keeps the
 * search inside the picture: it never wraps around the sides, and needs no bounds checks. Eight
 * closed bytes more lie before and after all rows, so that the eight bytes that begin or end at a
 * pixel, or at the cell above or below it, can always be loaded at once.
 * Size: 8 + stride * (height + 2) + 8 bytes, all 0. The pixel (x, y) lies at
 * 8 + stride * (y + 1) + x. Positions are int32_t: at the strides of maze.py an image of Pillow's,
 * which has less than 2^29 pixels, takes at most 3 * 2^29 bytes here (when it is a single row).
 */
#include <stdint.h>

enum { WALL = 0, OPEN = 1, FROM_ABOVE, FROM_BELOW, FROM_LEFT, FROM_RIGHT, START, PATH };

enum { MARGIN = 8 };

#define EIGHT(value) (UINT64_C(0x0101010101010101) * (value))

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
               int32_t stride, uint32_t open_sum)
{
    const uint32_t *pixel = pixels_of(image);
    uint8_t *cell = cells + MARGIN + stride;
    for (int32_t y = 0; y < height; y++, pixel += width, cell += stride)
        for (int32_t x = 0; x < width; x++)
            cell[x] = (pixel[x] & 255) + (pixel[x] >> 8 & 255) + (pixel[x] >> 16 & 255) >= open_sum;
}

/*
 * Corridors. While the frontier is one cell, every shortest path leads through it: what follows in
 * a corridor is on the path for sure and is painted at once. Of a spiral, this is nearly all.
 */

static uint64_t eight(const uint8_t *cell)
{
    uint64_t cells;
    __builtin_memcpy(&cells, cell, 8); /* a load, from wherever; never a call */
    return cells;
}

/* A cell in the second byte, its neighbours in the row around it. */
static uint32_t three(const uint8_t *cell)
{
    uint32_t cells;
    __builtin_memcpy(&cells, cell - 1, 4);
    return cells & 0xFFFFFF;
}

/*
 * The step to the only open neighbour; 0 where there is none, or a choice. The bottom row is left
 * to the search, which ends there.
 */
static int32_t only_step(const uint8_t *cells, int32_t at, int32_t stride, int32_t bottom)
{
    const int32_t steps[] = {stride, 1, -1, -stride};
    int32_t only = 0;
    for (int way = 0; way < 4; way++)
        if (cells[at + steps[way]] == OPEN) {
            if (only)
                return 0;
            only = steps[way];
        }
    return at + only < bottom ? only : 0;
}

/* Go on along a row, while eight cells ahead are open and nothing is beside those that are left. */
static int32_t along_row(uint8_t *cells, int32_t at, int32_t step, int32_t stride)
{
    const int32_t ahead = step > 0 ? 1 : -8;
    const int32_t left = step > 0 ? 0 : -7;
    const uint64_t path = EIGHT(PATH);
    while (eight(&cells[at + ahead]) == EIGHT(OPEN) &&
           eight(&cells[at + left - stride]) == EIGHT(WALL) &&
           eight(&cells[at + left + stride]) == EIGHT(WALL)) {
        __builtin_memcpy(&cells[at + ahead], &path, 8);
        at += 8 * step;
    }
    return at;
}

/* Go on along a column: each cell is in another line of the cache, and is loaded only once. */
static int32_t along_column(uint8_t *cells, int32_t at, int32_t step, int32_t bottom)
{
    uint32_t around = three(&cells[at]);
    while ((around & 0xFF00FF) == WALL && at + step < bottom) {
        around = three(&cells[at + step]);
        if ((around >> 8 & 255) != OPEN)
            break;
        at += step;
        cells[at] = PATH;
    }
    return at;
}

/* Paint from a frontier of one cell to where there is a choice, or no way on; gives that cell. */
static int32_t follow(uint8_t *cells, int32_t at, int32_t stride, int32_t bottom)
{
    int32_t step;
    while ((step = only_step(cells, at, stride, bottom))) {
        at += step;
        cells[at] = PATH;
        at = step == 1 || step == -1 ? along_row(cells, at, step, stride)
                                     : along_column(cells, at, step, bottom);
    }
    return at;
}

/*
 * Reach a cell if it is open: 1 if it was. In a maze a branch would be as good as chance, and cost
 * more than writes that change nothing: `next` then gets a cell that the following one replaces, or
 * nobody reads. There is room for that: the frontier now left is not in it. Where the frontier is
 * regular, the branch is foreseen, and spares the writes.
 */
static inline int32_t reach(uint8_t *cells, int32_t there, uint8_t from, int32_t *next, int regular)
{
    const uint8_t was = cells[there];
    const int32_t is_open = was == OPEN;
    if (regular && !is_open)
        return 0;
    cells[there] = is_open ? from : was;
    *next = there;
    return is_open;
}

/*
 * One level of the search: all cells next to the frontier, into `next`. Gives how many these are;
 * or, as -1 - cell, the first cell of the bottom row.
 */
static inline __attribute__((always_inline)) int32_t spread(
    uint8_t *cells, const int32_t *here, int32_t frontier, int32_t *next, int32_t stride,
    int32_t bottom, int regular, int far)
{
    /* Neighbours in a frontier lie anywhere in memory: ask for the cells of one this far ahead. */
    const int32_t ahead = 8;
    int32_t reached = 0;
    for (int32_t i = 0; i < frontier; i++) {
        const int32_t at = here[i];
        if (far) {
            const int32_t soon = here[i + ahead < frontier ? i + ahead : i];
            __builtin_prefetch(&cells[soon - stride]);
            __builtin_prefetch(&cells[soon + stride]);
        }
        if (at + stride >= bottom && cells[at + stride] == OPEN) {
            cells[at + stride] = FROM_ABOVE;
            return -1 - (at + stride);
        }
        reached += reach(cells, at + stride, FROM_ABOVE, &next[reached], regular);
        reached += reach(cells, at + 1, FROM_LEFT, &next[reached], regular);
        reached += reach(cells, at - 1, FROM_RIGHT, &next[reached], regular);
        reached += reach(cells, at - stride, FROM_BELOW, &next[reached], regular);
    }
    return reached;
}

/* Of a regular frontier with fewer cells, what is around them is in the cache since the last level. */
enum { WIDE = 2048 };

/*
 * Whether at least half of a frontier's cells follow one another as those before them did. In open
 * space they do, in two lines that take turns: what is around one is around the next but one, too.
 */
static int is_regular(const int32_t *here, int32_t frontier)
{
    int32_t same = 0;
    for (int32_t i = 4; i < frontier; i++)
        same += here[i] - here[i - 2] == here[i - 2] - here[i - 4];
    return 2 * same >= frontier - 4 && frontier > 4;
}

/*
 * Breadth-first search from all open pixels of the top row at once (Moore 1959); every pixel
 * reached keeps the direction it was reached from. Gives the first one in the bottom row, or -1.
 */
static int32_t search(uint8_t *cells, int32_t width, int32_t height, int32_t stride, int32_t *here,
                      int32_t *next, int32_t *starts, int32_t *corridors)
{
    const int32_t top = MARGIN + stride;             /* (0, 0) */
    const int32_t bottom = MARGIN + stride * height; /* (0, height - 1) */
    int32_t frontier = 0;

    for (int32_t at = top; at < top + width; at++)
        if (cells[at] == OPEN) {
            cells[at] = START;
            here[frontier++] = at;
        }
    if (height == 1 && frontier)
        return here[0];

    int regular = 0;
    int64_t spread_over = 0, look_at = 0;
    while (frontier > 0) {
        if (frontier == 1) {
            const int32_t start = here[0];
            here[0] = follow(cells, start, stride, bottom);
            if (here[0] != start)
                starts[(*corridors)++] = start;
        }
        if (spread_over >= look_at) { /* so seldom that it costs next to nothing */
            regular = is_regular(here, frontier);
            look_at = spread_over + 16 * (int64_t)frontier;
        }
        spread_over += frontier;
        const int32_t reached =
            !regular          ? spread(cells, here, frontier, next, stride, bottom, 0, 1)
            : frontier > WIDE ? spread(cells, here, frontier, next, stride, bottom, 1, 1)
                              : spread(cells, here, frontier, next, stride, bottom, 1, 0);
        int32_t *swap = here;
        here = next;
        next = swap;
        frontier = reached;
    }
    return -1 - frontier;
}

/*
 * Mark the path back from its last pixel. Where it meets the end of a corridor, that is marked
 * already, and is the latest one that is left: all shortest paths lead through all corridors.
 */
static void trace(uint8_t *cells, int32_t at, int32_t stride, const int32_t *starts,
                  int32_t corridors)
{
    for (;;) {
        const uint8_t from = cells[at];
        if (from == PATH) {
            at = starts[--corridors];
            continue;
        }
        cells[at] = PATH;
        if (from == START)
            return;
        at += from == FROM_ABOVE ? -stride
            : from == FROM_BELOW ? stride
            : from == FROM_LEFT ? -1
            : 1; /* FROM_RIGHT */
    }
}

/* Whether one of eight cells is on the path, which is the greatest value that a cell has. */
static int has_path(uint64_t cells)
{
    return ((cells + EIGHT(128 - PATH)) & EIGHT(128)) != 0;
}

/* Gives 1 if it was painted. Without a branch, so that the compiler paints many cells at once. */
static inline int32_t paint_cell(const uint8_t *cell, uint32_t *pixel, uint32_t colour)
{
    const int32_t is_path = *cell == PATH;
    *pixel = is_path ? colour : *pixel;
    return is_path;
}

/*
 * Paint the path into the image and give its length. Row by row: along a path that is long, pixels
 * would each come from another page of memory.
 */
static int32_t paint(const uint8_t *restrict cells, uint32_t *restrict pixel, int32_t width,
                     int32_t height, int32_t stride, uint32_t colour)
{
    const uint8_t *cell = cells + MARGIN + stride;
    int32_t length = 0;
    for (int32_t y = 0; y < height; y++, pixel += width, cell += stride) {
        int32_t x = 0;
        for (; x + 16 <= width; x += 16)
            if (has_path(eight(&cell[x])) || has_path(eight(&cell[x + 8])))
                for (int32_t at = x; at < x + 16; at++)
                    length += paint_cell(&cell[at], &pixel[at], colour);
        for (; x < width; x++)
            length += paint_cell(&cell[x], &pixel[x], colour);
    }
    return length;
}

/*
 * Paint a shortest path into the image; gives its length in pixels, 0 where there is none.
 *
 * `here` and `next` hold one frontier each, at most every pixel of the picture; `starts` the first
 * cells of the corridors, of which each has two cells or more.
 */
int32_t solve(uint8_t *cells, const struct ArrowArray *image, int32_t width, int32_t height,
              int32_t stride, const uint8_t *colour, int32_t *here, int32_t *next, int32_t *starts)
{
    int32_t corridors = 0;
    const int32_t last = search(cells, width, height, stride, here, next, starts, &corridors);
    if (last < 0)
        return 0;
    trace(cells, last, stride, starts, corridors);
    const uint32_t rgbx = colour[0] | colour[1] << 8 | colour[2] << 16 | 255u << 24;
    return paint(cells, pixels_of(image), width, height, stride, rgbx);
}
