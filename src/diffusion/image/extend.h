#pragma once

#include <string_view>

#include "base/status.h"
#include "diffusion/image/image.h"
#include "diffusion/image/mask.h"

namespace tempera::diffusion {

// Pixels to add at the sides of a picture.
struct Sides {
  int64_t left = 0, right = 0, top = 0, bottom = 0;
  bool operator==(const Sides&) const = default;
};
// "left=64,top=32"; "all=64" sets the four. invalid_argument for anything else, or for nothing to
// add.
Result<Sides> parse_sides(std::string_view text);

// The picture's edges are drawn out over what is added.
Image extend(const Image& image, const Sides& sides);
// What is added is 255.
Mask extend(const Mask& mask, const Sides& sides);

}  // namespace tempera::diffusion
