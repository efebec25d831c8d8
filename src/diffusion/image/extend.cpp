#include "diffusion/image/extend.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace tempera::diffusion {
namespace {

constexpr int64_t kMaxSide = 8192;

Error refuse(std::string_view part) {
  return error(ErrorCode::invalid_argument,
               "--extend {} is not SIDE=PIXELS, with left, right, top, bottom or all and 0 to {}",
               quote(part), kMaxSide);
}

Status set_side(std::string_view part, Sides& sides) {
  const size_t split = part.find('=');
  if (split == std::string_view::npos) return refuse(part);
  const std::string_view name = part.substr(0, split), digits = part.substr(split + 1);
  int64_t pixels = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), pixels);
  if (fault != std::errc() || end != digits.data() + digits.size() || pixels < 0 ||
      pixels > kMaxSide)
    return refuse(part);
  if (name == "all") {
    sides = {pixels, pixels, pixels, pixels};
    return {};
  }
  int64_t* side = name == "left"     ? &sides.left
                  : name == "right"  ? &sides.right
                  : name == "top"    ? &sides.top
                  : name == "bottom" ? &sides.bottom
                                     : nullptr;
  if (side == nullptr) return refuse(part);
  *side = pixels;
  return {};
}

// Calls set(pixel of the result, x, y) with places that may lie outside the picture.
template <typename Set>
void for_each_pixel(Size size, const Sides& sides, const Set& set) {
  size_t at = 0;
  for (int64_t y = -sides.top; y < size.height + sides.bottom; ++y)
    for (int64_t x = -sides.left; x < size.width + sides.right; ++x) set(at++, x, y);
}

Size extended(Size size, const Sides& sides) {
  return {size.width + sides.left + sides.right, size.height + sides.top + sides.bottom};
}

}  // namespace

Result<Sides> parse_sides(std::string_view text) {
  Sides sides;
  for (const std::string_view part : split_at_commas(text)) TRY(set_side(part, sides));
  if (sides == Sides()) return error(ErrorCode::invalid_argument, "--extend adds no pixel");
  return sides;
}

Image extend(const Image& image, const Sides& sides) {
  const Size size = {image.width, image.height}, whole = extended(size, sides);
  Image result{whole.width, whole.height, {}};
  result.pixels.resize(static_cast<size_t>(3 * whole.width * whole.height));
  for_each_pixel(size, sides, [&](size_t at, int64_t x, int64_t y) {
    const int64_t from = std::clamp<int64_t>(y, 0, size.height - 1) * size.width +
                         std::clamp<int64_t>(x, 0, size.width - 1);
    std::copy_n(&image.pixels[3 * from], 3, &result.pixels[3 * at]);
  });
  return result;
}

Mask extend(const Mask& mask, const Sides& sides) {
  const auto [width, height] = mask.size;
  Mask result{extended(mask.size, sides), {}};
  result.pixels.resize(static_cast<size_t>(result.size.width * result.size.height), 255);
  for_each_pixel(mask.size, sides, [&](size_t at, int64_t x, int64_t y) {
    if (x >= 0 && x < width && y >= 0 && y < height) result.pixels[at] = mask.pixels[y * width + x];
  });
  return result;
}

}  // namespace tempera::diffusion
