#include "api/run/init_image.h"

#include <algorithm>

#include "api/run/picture_size.h"
#include "diffusion/image/extend.h"
#include "diffusion/image/read_image.h"
#include "diffusion/image/resize.h"

namespace tempera::api {

using diffusion::Image;
using diffusion::Mask;
using diffusion::PictureRequest;
using diffusion::Size;

namespace {

constexpr double kMaxBlur = 256;
constexpr int64_t kMaxPadding = 4096;

Status check_numbers(const InitImageSettings& settings) {
  if (!(settings.mask_blur >= 0 && settings.mask_blur <= kMaxBlur))
    return error(ErrorCode::invalid_argument, "--mask-blur {} is not within 0 to {}",
                 settings.mask_blur, kMaxBlur);
  if (settings.only_masked_padding < 0 || settings.only_masked_padding > kMaxPadding)
    return error(ErrorCode::invalid_argument, "--only-masked-padding {} is not within 0 to {}",
                 settings.only_masked_padding, kMaxPadding);
  return {};
}

// Settings that say nothing without another one.
Status check_needs(const InitImageSettings& settings) {
  const bool has_image = !settings.image.empty();
  const bool has_mask = !settings.mask.empty() || !settings.extend.empty();
  struct Need {
    const char *flag, *needed;
    bool is_given, is_met;
  };
  const Need needs[] = {
      {"--strength", "--init-image", settings.strength.has_value(), has_image},
      {"--mask", "--init-image", !settings.mask.empty(), has_image},
      {"--extend", "--init-image", !settings.extend.empty(), has_image},
      {"--mask-color", "--mask", !settings.mask_color.empty(), !settings.mask.empty()},
      {"--mask-blur", "--mask or --extend", settings.mask_blur != 0, has_mask},
      {"--mask-fill", "--mask or --extend", settings.mask_fill != "original", has_mask},
      {"--only-masked", "--mask or --extend", settings.only_masked, has_mask}};
  for (const Need& need : needs)
    if (need.is_given && !need.is_met)
      return error(ErrorCode::invalid_argument, "{} needs {}", need.flag, need.needed);
  return check_numbers(settings);
}

// The image, and 255 where it is to be repainted; no mask if it is not said where.
struct Source {
  Image image;
  Mask mask;
};

// Of the image's size.
Result<Mask> read_mask(const InitImageSettings& settings, Size size) {
  std::optional<diffusion::Rgb> color;
  if (!settings.mask_color.empty()) {
    ASSIGN_OR_RETURN(color, diffusion::parse_color(settings.mask_color, "--mask-color"));
  }
  ASSIGN_OR_RETURN(const diffusion::Picture picture, diffusion::read_image(settings.mask));
  Mask mask = marked(picture, color);
  return Mask{size,
              diffusion::resize(mask.pixels, 1, mask.size, size, diffusion::Filter::bilinear)};
}

Result<Source> read_source(const InitImageSettings& settings) {
  ASSIGN_OR_RETURN(diffusion::Picture picture, diffusion::read_image(settings.image));
  Source source{std::move(picture.image), {}};
  const Size size = {source.image.width, source.image.height};
  if (!settings.mask.empty()) {
    ASSIGN_OR_RETURN(source.mask, read_mask(settings, size));
  }
  if (settings.extend.empty()) return source;
  ASSIGN_OR_RETURN(const diffusion::Sides sides, diffusion::parse_sides(settings.extend));
  source.mask =
      extend(source.mask.pixels.empty()
                 ? Mask{size, std::vector<uint8_t>(static_cast<size_t>(size.width * size.height))}
                 : source.mask,
             sides);
  source.image = extend(source.image, sides);
  return source;
}

// 0 or 255, then blurred.
Status soften(const InitImageSettings& settings, Mask& mask) {
  const std::vector<uint8_t> repaint = at_least_half(mask);
  if (std::ranges::find(repaint, 1) == repaint.end())
    return error(ErrorCode::invalid_argument,
                 "{}: nothing is marked to be repainted; mark it white, in a colour that "
                 "--mask-color names, or transparent",
                 settings.mask);
  std::ranges::transform(repaint, mask.pixels.begin(),
                         [](uint8_t part) { return static_cast<uint8_t>(255 * part); });
  mask = blur(mask, settings.mask_blur);
  return {};
}

void set_open_size(const InitImageSettings& settings, const Image& image, const ModelInfo& info,
                   PictureRequest& request) {
  const auto side = [&](int64_t pixels, std::optional<int64_t> own, int64_t sample) {
    if (settings.only_masked) return own.value_or(sample * info.vae_scale);
    return pixels - pixels % info.vae_scale;
  };
  const ModelDefaults& defaults = info.defaults;
  if (request.width == 0) request.width = side(image.width, defaults.width, info.sample_width);
  if (request.height == 0) request.height = side(image.height, defaults.height, info.sample_height);
}

// The part around the mask, at the request's size.
Source zoom(const Source& source, const diffusion::Region& region, Size size) {
  const Mask part = crop(source.mask, region);
  return {resize(crop(source.image, region), size),
          {size, diffusion::resize(part.pixels, 1, part.size, size, diffusion::Filter::lanczos)}};
}

Source fit_source(const Source& source, Size size, diffusion::Fit fit) {
  Source fitted{fit_to(source.image, size, fit), {}};
  if (!source.mask.pixels.empty())
    fitted.mask = {size, fit_to(source.mask.pixels, 1, source.mask.size, size, fit,
                                diffusion::Filter::lanczos)};
  return fitted;
}

Status set_mask(const InitImageSettings& settings, const Source& source, PictureRequest& request) {
  ASSIGN_OR_RETURN(request.mask.fill, diffusion::parse_mask_fill(settings.mask_fill));
  request.mask.repaint = at_least_half(source.mask);
  request.mask.blur = settings.mask_blur;
  if (request.mask.fill == diffusion::MaskFill::blur)
    request.init.images = {fill_from_around(source.image, request.mask.repaint)};
  return {};
}

// What is not blurred is kept or repainted, nothing between.
Mask weight_of(const InitImageSettings& settings, Mask mask) {
  if (settings.mask_blur > 0) return mask;
  for (uint8_t& value : mask.pixels) value = value >= 128 ? 255 : 0;
  return mask;
}

Status resolve_masked(const InitImageSettings& settings, Source source, PictureRequest& request) {
  const Size size = {request.width, request.height};
  ASSIGN_OR_RETURN(const diffusion::Fit fit, diffusion::parse_fit(settings.fit, "--fit"));
  TRY(soften(settings, source.mask));
  diffusion::Region region{0, 0, size.width, size.height};
  Source work;
  if (settings.only_masked) {
    region = region_of(source.mask, settings.only_masked_padding, size);
    work = zoom(source, region, size);
  } else {
    work = fit_source(source, size, fit);
    source = work;
  }
  request.init.images = {work.image};
  TRY(set_mask(settings, work, request));
  if (settings.composite || settings.only_masked)
    request.composite = {std::move(source.image), weight_of(settings, source.mask), region};
  if (!settings.composite) std::ranges::fill(request.composite.weight.pixels, 255);
  if (settings.only_masked) request.mask.padding = settings.only_masked_padding;
  return {};
}

}  // namespace

Status resolve_init_image(const InitImageSettings& settings, const ModelInfo& info,
                          PictureRequest& request) {
  TRY(check_needs(settings));
  if (settings.image.empty()) return {};
  ASSIGN_OR_RETURN(Source source, read_source(settings));
  set_open_size(settings, source.image, info, request);
  TRY(check_size({request.width, request.height}, info));
  request.init.strength = settings.strength.value_or(settings.extend.empty() ? 0.75 : 1.0);
  if (source.mask.pixels.empty()) {
    ASSIGN_OR_RETURN(const diffusion::Fit fit, diffusion::parse_fit(settings.fit, "--fit"));
    request.init.images = {fit_to(source.image, {request.width, request.height}, fit)};
  } else {
    TRY(resolve_masked(settings, std::move(source), request));
  }
  return check(request.init, 1, request.width, request.height);
}

}  // namespace tempera::api
