#include "diffusion/image/composite.h"

#include "base/check.h"

namespace tempera::diffusion {

Image composite(const Composite& over, Image finished) {
  if (over.background.pixels.empty()) return finished;
  const Region& region = over.region;
  CHECK(over.weight.pixels.size() * 3 == over.background.pixels.size(), "{} weights for {}x{}",
        over.weight.pixels.size(), over.background.width, over.background.height);
  const Image top = resize(finished, {region.width, region.height});
  Image result = over.background;
  for (int64_t y = 0; y < region.height; ++y)
    for (int64_t x = 0; x < region.width; ++x) {
      const int64_t at = (region.top + y) * result.width + region.left + x;
      const int weight = over.weight.pixels[at];
      for (int64_t channel = 0; channel < 3; ++channel) {
        uint8_t& pixel = result.pixels[3 * at + channel];
        const int above = top.pixels[3 * (y * region.width + x) + channel];
        pixel = static_cast<uint8_t>((weight * above + (255 - weight) * pixel + 127) / 255);
      }
    }
  return result;
}

}  // namespace tempera::diffusion
