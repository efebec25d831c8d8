#include "api/run/files.h"

#include <algorithm>
#include <filesystem>

#include "api/run/picture_settings.h"
#include "base/text.h"
#include "diffusion/image/contact_sheet.h"
#include "diffusion/image/write_image.h"
#include "diffusion/infotext.h"
#include "tensor_file/convert.h"
#include "tensor_file/safetensors.h"

namespace tempera::api {

Result<NamedValues> read_tensors(const std::string& path) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(path));
  NamedValues tensors;
  for (const TensorInfo& info : file.tensors()) tensors.emplace_back(info.name, file.load(info));
  return tensors;
}

Status write_tensors(const std::string& path, const NamedValues& tensors) {
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : tensors) views.push_back(view(name, tensor));
  return write_safetensors(path, std::move(views));
}

Result<Tensor> read_latents(const std::string& path) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(path));
  const TensorInfo* info = file.find("latents");
  if (info == nullptr && file.tensors().size() == 1) info = &file.tensors().front();
  if (info == nullptr)
    return error(ErrorCode::not_found, "{}: no tensor 'latents' among its {} tensors", path,
                 file.tensors().size());
  Tensor stored = file.load(*info);
  if (!is_float(stored.dtype))
    return error(ErrorCode::invalid_argument, "{}: tensor {} is {}, latents are floats", path,
                 quote(info->name), name(stored.dtype));
  Tensor latents(DType::f32, stored.shape);
  widen_to_f32(stored.dtype, stored.data, latents.as<float>());
  return latents;
}

Status write_latents(const std::string& path, const Generated& generated) {
  std::vector<TensorView> views = {view("latents", generated.latents)};
  for (size_t i = 0; i < generated.step_latents.size(); ++i)
    views.push_back(view(fmt::format("latents.{}", i), generated.step_latents[i]));
  return write_safetensors(path, std::move(views));
}

Status write_picture(const std::string& path, const GeneratedPicture& picture,
                     const PictureFileOptions& options) {
  diffusion::PictureText text;
  if (options.keep_text) text.emplace_back(diffusion::kInfotextKeyword, picture.parameters);
  if (options.keep_text && !options.record.empty())
    text.emplace_back(kRecordKeyword, options.record);
  return diffusion::write_image(path, picture.image, text, options.quality);
}

Status check_picture_name(const std::string& path) {
  if (diffusion::image_format(path)) return {};
  constexpr std::string_view kOthers[] = {".gif",  ".bmp",  ".tif", ".tiff",
                                          ".avif", ".heic", ".jxl"};
  std::string extension = std::filesystem::path(path).extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  if (std::ranges::find(kOthers, extension) == std::end(kOthers)) return {};
  return error(ErrorCode::unsupported,
               "{}: pictures are written as PNG, JPEG or WebP; name it .png, .jpg or .webp", path);
}

Status write_sheet(const std::string& path, const Generated& generated, int64_t columns,
                   const diffusion::SheetLabels& labels, int quality) {
  std::vector<diffusion::Image> images;
  for (const GeneratedPicture& picture : generated.pictures) images.push_back(picture.image);
  return diffusion::write_image(path, diffusion::contact_sheet(images, columns, labels), {},
                                quality);
}

}  // namespace tempera::api
