#include <webp/decode.h>

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "diffusion/image/exif.h"
#include "diffusion/image/read_image.h"

// Whatever the bytes, a picture is refused with a sentence or has the pixels that its size says.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tempera::diffusion;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const Exif exif = parse_exif(file);
  CHECK(exif.orientation >= 1 && exif.orientation <= 8);
  static_cast<void>(text_of(exif));
  // A few bytes of WebP may rightly be a picture of a gigabyte.
  constexpr int kLargestWebp = 1 << 20;
  int width = 0, height = 0;
  if (WebPGetInfo(data, size, &width, &height) && width > kLargestWebp / height) return 0;
  const auto picture = decode_image(file, "input");
  if (!picture.ok()) return 0;
  const auto pixels = static_cast<size_t>(picture->image.width * picture->image.height);
  CHECK(pixels > 0 && picture->image.pixels.size() == 3 * pixels);
  CHECK(picture->alpha.empty() || picture->alpha.size() == pixels);
  return 0;
}
