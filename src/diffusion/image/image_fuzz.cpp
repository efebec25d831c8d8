#include <webp/decode.h>

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "diffusion/image/exif.h"
#include "diffusion/image/read_image.h"

namespace {

// A few bytes of WebP, or of a progressive JPEG, may rightly be a picture of a gigabyte.
constexpr int64_t kLargest = 1 << 20;

bool is_large_webp(const uint8_t* data, size_t size) {
  int width = 0, height = 0;
  return WebPGetInfo(data, size, &width, &height) != 0 && int64_t{width} * height > kLargest;
}

// By any place that looks like a frame header (ITU-T T.81, B.2.2).
bool is_large_jpeg(const uint8_t* data, size_t size) {
  if (size < 2 || data[0] != 0xFF || data[1] != 0xD8) return false;
  for (size_t i = 2; i + 9 <= size; ++i) {
    const int64_t height = data[i + 5] << 8 | data[i + 6], width = data[i + 7] << 8 | data[i + 8];
    if (data[i] == 0xFF && data[i + 1] >> 4 == 0xC && width * height > kLargest) return true;
  }
  return false;
}

}  // namespace

// Whatever the bytes, a picture is refused with a sentence or has the pixels that its size says.
// NOLINTNEXTLINE: the name libFuzzer calls
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tempera::diffusion;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const Exif exif = parse_exif(file);
  CHECK(exif.orientation >= 1 && exif.orientation <= 8);
  static_cast<void>(text_of(exif));
  if (is_large_webp(data, size) || is_large_jpeg(data, size)) return 0;
  const auto picture = decode_image(file, "input");
  if (!picture.ok()) return 0;
  const auto pixels = static_cast<size_t>(picture->image.width * picture->image.height);
  CHECK(pixels > 0 && picture->image.pixels.size() == 3 * pixels);
  CHECK(picture->alpha.empty() || picture->alpha.size() == pixels);
  return 0;
}
