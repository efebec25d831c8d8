// Writes the inputs of one full-size case in the form that `tempera run` takes.
// Usage: inputs OUTPUTS.safetensors CASE TIMESTEP OUT.safetensors
// CASE: clip, unet.BxCxHxW, vae.decode.HxW or vae.encode.HxW (the image of that size is a formula).
#include <fmt/format.h>

#include "tensor_file/safetensors.h"

namespace tempera {
namespace {

Result<Tensor> load(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (info == nullptr) return error(ErrorCode::not_found, "{}: no tensor {}", file.path(), name);
  return file.load(*info);
}

// Pixel (c, y, x) is ((c + 1) x + (3 - c) y + (x y >> 4)) & 255, as pixel / 127.5 - 1.
Tensor pattern_image(int64_t height, int64_t width) {
  Tensor image(DType::f32, {1, 3, height, width});
  float* next = image.as<float>().data();
  for (int64_t c = 0; c < 3; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        const int64_t pixel = ((c + 1) * x + (3 - c) * y + ((x * y) >> 4)) & 255;
        *next++ = static_cast<float>(pixel) / 127.5F - 1;
      }
  return image;
}

Tensor first(Tensor tensor, int64_t count) {
  tensor.shape[0] = count;
  tensor.data.resize(element_count(tensor.shape) * size_in_bytes(tensor.dtype));
  return tensor;
}

using Inputs = std::vector<std::pair<std::string, Tensor>>;

Result<Inputs> unet_inputs(const SafetensorsFile& file, const std::string& name, int64_t time) {
  ASSIGN_OR_RETURN(Tensor sample, load(file, name + ".latent"));
  ASSIGN_OR_RETURN(const Tensor context, load(file, "clip.output"));
  Tensor states = first(context, sample.shape[0]);
  return Inputs{{"sample", std::move(sample)},
                {"timestep", Tensor::of<int64_t>(DType::i64, {1}, {time})},
                {"encoder_hidden_states", std::move(states)}};
}

Result<Inputs> inputs_of(const SafetensorsFile& file, const std::string& name, int64_t time) {
  if (name.starts_with("unet")) return unet_inputs(file, name, time);
  if (name == "clip") {
    ASSIGN_OR_RETURN(Tensor ids, load(file, "clip.ids"));
    return Inputs{{"input_ids", std::move(ids)}};
  }
  if (name.starts_with("vae.decode")) {
    ASSIGN_OR_RETURN(Tensor latent, load(file, name + ".latent"));
    return Inputs{{"latent", std::move(latent)}};
  }
  int64_t height = 0, width = 0;
  if (std::sscanf(name.c_str(), "vae.encode.%ldx%ld", &height, &width) != 2)
    return error(ErrorCode::invalid_argument, "no case {}", name);
  return Inputs{{"image", pattern_image(height, width)}};
}

Status run(char** arguments) {
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(arguments[1]));
  ASSIGN_OR_RETURN(const Inputs inputs, inputs_of(file, arguments[2], std::atoll(arguments[3])));
  std::vector<TensorView> views;
  for (const auto& [name, tensor] : inputs) views.push_back(view(name, tensor));
  return write_safetensors(arguments[4], views);
}

}  // namespace
}  // namespace tempera

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "usage: inputs OUTPUTS.safetensors CASE TIMESTEP OUT.safetensors\n");
    return 2;
  }
  const tempera::Status status = tempera::run(argv);
  if (!status.ok()) fmt::print(stderr, "inputs: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
