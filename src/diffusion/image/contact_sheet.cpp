#include "diffusion/image/contact_sheet.h"

#include <algorithm>

#include "base/check.h"

namespace tempera::diffusion {

Image contact_sheet(std::span<const Image> images, int64_t columns) {
  CHECK(columns >= 1, "a sheet of {} columns", columns);
  int64_t width = 0, height = 0;
  for (const Image& image : images) {
    width = std::max(width, image.width);
    height = std::max(height, image.height);
  }
  const auto count = static_cast<int64_t>(images.size());
  Image sheet{width * std::min(columns, count), height * ((count + columns - 1) / columns), {}};
  sheet.pixels.resize(static_cast<size_t>(3 * sheet.width * sheet.height));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = i % columns * width, top = i / columns * height;
    for (int64_t y = 0; y < images[i].height; ++y)
      std::copy_n(&images[i].pixels[3 * y * images[i].width], 3 * images[i].width,
                  &sheet.pixels[3 * ((top + y) * sheet.width + left)]);
  }
  return sheet;
}

}  // namespace tempera::diffusion
