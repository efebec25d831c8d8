#pragma once

#include "lower/schedule.h"

namespace tempera::lower {

// 3x3 convolutions of stride 1 by Winograd's minimal filtering: F(4x4, 3x3), a quarter of the
// products, where they are f32; F(2x2, 3x3), 4/9 of them, where they are bf16, which is too coarse
// for the larger transform.
//
// `setup` transforms the weights in f32, rounds them to the products' dtype and packs them as
// [column tile][chunk][position][k / pair][column][pair]. A grid iteration of the main kernel owns
// a block of output tiles x columns. For each chunk of kc channels and each vector of them it
// stages the block's input patch as f32, with padding as zeros and the group's prologue applied
// once an element, and transforms it to V, [position][tile][k]; then each position is a product of
// register tiles, whose sums M, [position][column tile][tile][column], wait in scratch for the next
// chunk. After the last one M is transformed to pixels, which go through the epilogue to memory. V
// and M are sized to stay in the L2 cache.
//
// Config: tile_m, tile_v: the register tile in output tiles and vectors of columns. kc: channels a
// chunk. block_h, block_w: output tiles of a grid iteration. block_n: its column tiles.
extern const Schedule kWinograd;

}  // namespace tempera::lower
