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
// Config: tile_m, tile_v: the register tile in pixels and vectors. kc: channels a chunk. block_h,
// block_w: pixels of a grid iteration. block_n: its column tiles.
extern const Schedule kContraction;

}  // namespace tempera::lower
