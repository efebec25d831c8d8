#include "diffusion/image/contact_sheet.h"

#include <algorithm>

#include "base/check.h"
#include "diffusion/image/resize.h"
#include "diffusion/image/small_text.h"

namespace tempera::diffusion {
namespace {

// Letters are a tenth to a twentieth of a picture high.
constexpr int64_t kPixelsADot = 128;

Size largest(std::span<const Image> images) {
  Size size{};
  for (const Image& image : images) {
    size.width = std::max(size.width, image.width);
    size.height = std::max(size.height, image.height);
  }
  return size;
}

// The white stripes at the sheet's upper and left side, and what is drawn with.
struct Margins {
  int64_t dot, left = 0, top = 0;
};

Margins margins_of(const SheetLabels& labels, Size cell) {
  Margins margins{.dot = std::max<int64_t>(cell.width / kPixelsADot, 1)};
  const int64_t height = (kDotsDown + 4) * margins.dot;
  if (!labels.columns.empty()) margins.top = height;
  for (const std::string& label : labels.rows) {
    const int64_t wanted = text_width(label, margins.dot) + 4 * margins.dot;
    margins.left = std::max(margins.left, std::min(wanted, std::max(cell.width, height)));
  }
  return margins;
}

void draw_centered(Image& sheet, Size at, Size place, int64_t dot, const std::string& label) {
  const std::string_view text = fitting_text(label, place.width - 2 * dot, dot);
  draw_text(sheet, at.width + (place.width - text_width(text, dot)) / 2,
            at.height + (place.height - kDotsDown * dot) / 2, dot, text);
}

void draw_labels(const SheetLabels& labels, const Margins& margins, Image& sheet) {
  const auto columns = static_cast<int64_t>(labels.columns.size());
  const auto rows = static_cast<int64_t>(labels.rows.size());
  const int64_t width = (sheet.width - margins.left) / std::max<int64_t>(columns, 1);
  const int64_t height = (sheet.height - margins.top) / std::max<int64_t>(rows, 1);
  for (int64_t i = 0; i < columns; ++i)
    draw_centered(sheet, {margins.left + i * width, 0}, {width, margins.top}, margins.dot,
                  labels.columns[static_cast<size_t>(i)]);
  for (int64_t i = 0; i < rows; ++i)
    draw_centered(sheet, {0, margins.top + i * height}, {margins.left, height}, margins.dot,
                  labels.rows[static_cast<size_t>(i)]);
}

// All white, and black where pictures go.
Image empty_sheet(const Margins& margins, Size inner) {
  Image sheet{margins.left + inner.width, margins.top + inner.height, {}};
  sheet.pixels.assign(static_cast<size_t>(3 * sheet.width * sheet.height), 255);
  for (int64_t y = margins.top; y < sheet.height; ++y)
    std::fill_n(&sheet.pixels[static_cast<size_t>(3 * (y * sheet.width + margins.left))],
                3 * inner.width, uint8_t{0});
  return sheet;
}

}  // namespace

Image contact_sheet(std::span<const Image> images, int64_t columns, const SheetLabels& labels) {
  CHECK(columns >= 1, "a sheet of {} columns", columns);
  const Size cell = largest(images);
  const auto count = static_cast<int64_t>(images.size());
  const Margins margins = margins_of(labels, cell);
  Image sheet = empty_sheet(margins, {cell.width * std::min(columns, count),
                                      cell.height * ((count + columns - 1) / columns)});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = margins.left + i % columns * cell.width;
    const int64_t top = margins.top + i / columns * cell.height;
    for (int64_t y = 0; y < images[i].height; ++y)
      std::copy_n(&images[i].pixels[3 * y * images[i].width], 3 * images[i].width,
                  &sheet.pixels[3 * ((top + y) * sheet.width + left)]);
  }
  draw_labels(labels, margins, sheet);
  return sheet;
}

}  // namespace tempera::diffusion
