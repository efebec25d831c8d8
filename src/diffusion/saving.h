#pragma once

#include <compare>
#include <cstdint>

#include "base/status.h"

namespace tempera::diffusion {

// Which tokens the UNet's transformer blocks merge; see frontend/models/token_merging.h.
struct TokenMerging {
  double ratio = 0;            // of a block's tokens, 0 to 0.75; 0: none
  int64_t max_downsample = 1;  // 1, 2, 4 or 8
  bool cross_attention = false, mlp = false;
  auto operator<=>(const TokenMerging&) const = default;
};
// invalid_argument for a value out of range, or one that has no effect.
Status check(const TokenMerging& merging);

// Work left out by choice. What is set here changes the picture.
struct WorkSaving {
  TokenMerging token_merging;
  int64_t deep_cache = 1;  // the UNet's deep part runs in every so many calls
  // The negative prompt is run in this part of the model calls, 0 to 1.
  double guidance_from = 0, guidance_to = 1;
};

// invalid_argument for settings that are out of range or make no sense; `is_guided`: the negative
// prompt is run at all.
Status check(const WorkSaving& saving, bool is_guided);

}  // namespace tempera::diffusion
