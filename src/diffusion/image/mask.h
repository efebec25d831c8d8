#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "diffusion/image/image.h"
#include "diffusion/image/resize.h"

namespace tempera::diffusion {

// One byte a pixel, rows from the top.
struct Mask {
  Size size{};
  std::vector<uint8_t> pixels;
};

using Rgb = std::array<uint8_t, 3>;
// "#00ff00", or the name of a corner of the colour cube: black, white, red, green, blue, yellow,
// cyan, magenta. `flag` names where it comes from.
Result<Rgb> parse_color(std::string_view text, std::string_view flag);

// What a picture marks: 255 there, else 0. Of a picture that has holes (alpha below one half) the
// holes; else pixels near `color`, none of whose channels is further than 64; else, of a picture
// with pixels near a pure colour, those of the most frequent one; else light pixels, whose luma is
// one half or more.
Mask marked(const Picture& picture, const std::optional<Rgb>& color = {});

// With a Gaussian of that deviation in pixels, over 2.5 of them to each side. 0 changes nothing.
Mask blur(const Mask& mask, double deviation);

// 1 where the mask is one half or more, else 0.
std::vector<uint8_t> at_least_half(const Mask& mask);

struct Region {
  int64_t left = 0, top = 0, width = 0, height = 0;
  bool operator==(const Region&) const = default;
};
// The smallest region that holds all of the mask above 0 and `padding` pixels around it, made as
// wide for its height as `shape` as far as the mask has room, as diffusers' get_crop_region. Empty
// for an empty mask.
Region region_of(const Mask& mask, int64_t padding, Size shape);

Mask crop(const Mask& mask, const Region& region);
Image crop(const Image& image, const Region& region);

// Pixels where `repaint` is not 0 take the colours around them, smoothly.
Image fill_from_around(const Image& image, const std::vector<uint8_t>& repaint);

}  // namespace tempera::diffusion
