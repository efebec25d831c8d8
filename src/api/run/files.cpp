#include "api/run/files.h"

#include "base/text.h"
#include "diffusion/image/contact_sheet.h"
#include "diffusion/image/png.h"
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

Status write_picture(const std::string& path, const GeneratedPicture& picture) {
  return diffusion::write_png(path, picture.image,
                              {{diffusion::kInfotextKeyword, picture.parameters}});
}

Status write_sheet(const std::string& path, const Generated& generated, int64_t columns) {
  std::vector<diffusion::Image> images;
  for (const GeneratedPicture& picture : generated.pictures) images.push_back(picture.image);
  return diffusion::write_png(path, diffusion::contact_sheet(images, columns));
}

}  // namespace tempera::api
