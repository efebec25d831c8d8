#include "api/run/picture_views.h"

#include <algorithm>
#include <cmath>

#include "diffusion/image/contact_sheet.h"
#include "diffusion/image/half_blocks.h"
#include "diffusion/image/resize.h"
#include "diffusion/image/write_image.h"

namespace tempera::api {

int64_t sheet_columns(size_t pictures) {
  const auto count = static_cast<int64_t>(pictures);
  const int64_t rows = std::max(std::llround(std::sqrt(static_cast<double>(count))), 1LL);
  return (count + rows - 1) / rows;
}

Status write_preview(const std::string& path, std::span<const diffusion::Image> pictures,
                     int64_t width, int64_t height) {
  std::vector<diffusion::Image> enlarged;
  for (const diffusion::Image& picture : pictures)
    enlarged.push_back(diffusion::resize(picture, {width, height}, diffusion::Filter::bilinear));
  return diffusion::write_image(path,
                                diffusion::contact_sheet(enlarged, sheet_columns(enlarged.size())));
}

std::string terminal_text(const diffusion::Image& image, int64_t columns, int64_t lines) {
  return diffusion::half_blocks(image, columns, lines);
}

}  // namespace tempera::api
