#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// matmul and convolution as an implicit GEMM: a grid iteration computes a block of output pixels x
// columns.
//
// For each chunk of kc channels it stages the input patch of the block into scratch as [h][w][kc],
// with padding as zeros and the group's prologue applied once an element; then register tiles of
// tile_m pixels x tile_v vectors of columns run over taps and channels: a broadcast of the patch
// times vectors of b (micro_kernel.h), which lies packed (contraction_pack.h). Sums of a chunk wait
// in scratch for the next one; the last chunk's go through the epilogue to memory.
//
// Where the output has too few blocks for the target's cores, the chunks may be in parts, each of
// grid iterations of its own: they leave their sums in memory, and a second launch adds the parts'
// in order and runs the epilogue. How many there are is part of the config, whatever the threads.
//
// Config: tile_m, tile_v: the register tile in pixels and vectors. kc: channels a chunk. block_h,
// block_w: pixels of a grid iteration. block_n: its column tiles. matrix_rows: rows of a register
// of a matrix, where it is such. k_parts: parts of the chunks, where there are several.
extern const Schedule kContraction;

}  // namespace tempera::lower
