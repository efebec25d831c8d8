// Writes a model of Stable Diffusion 1.5's size with random fp16 weights, or inputs for its
// components. Speed does not depend on the values. Usage: sd15 model DIR | sd15 inputs DIR
#include <fmt/format.h>

#include <filesystem>
#include <random>

#include "base/dtype.h"
#include "base/file.h"
#include "tensor_file/safetensors.h"

namespace tempera::bench {
namespace {

constexpr const char* kUnet =
    R"({"_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": 8,
"block_out_channels": [320, 640, 1280, 1280], "cross_attention_dim": 768, "down_block_types": ["CrossAttnDownBlock2D",
"CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "in_channels": 4, "layers_per_block": 2, "norm_eps": 1e-05,
"norm_num_groups": 32, "out_channels": 4, "sample_size": 64, "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D",
"CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]})";
constexpr const char* kVae =
    R"({"_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": [128, 256, 512, 512],
"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
"in_channels": 3, "latent_channels": 4, "layers_per_block": 2, "norm_num_groups": 32, "out_channels": 3, "sample_size": 512,
"scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D",
"UpDecoderBlock2D"]})";
constexpr const char* kText =
    R"({"architectures": ["CLIPTextModel"], "eos_token_id": 2, "hidden_act": "quick_gelu",
"hidden_size": 768, "intermediate_size": 3072, "layer_norm_eps": 1e-05, "max_position_embeddings": 77, "model_type":
"clip_text_model", "num_attention_heads": 12, "num_hidden_layers": 12, "vocab_size": 49408})";
constexpr const char* kScheduler =
    R"({"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear",
"beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1,
"clip_sample": false})";
constexpr const char* kIndex =
    R"({"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "PNDMScheduler"],
"text_encoder": ["transformers", "CLIPTextModel"], "tokenizer": ["transformers", "CLIPTokenizer"],
"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]})";
// Enough of a tokenizer for any prompt: letters, and the two special tokens at CLIP's places.
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";

// The tensors of a part, in the words of diffusers' and transformers' modules.
struct Part {
  std::vector<std::pair<std::string, Shape>> tensors;

  void add(const std::string& name, Shape weight, bool has_bias = true) {
    const int64_t outputs = weight[0];
    tensors.emplace_back(name + ".weight", std::move(weight));
    if (has_bias) tensors.emplace_back(name + ".bias", Shape{outputs});
  }
  void norm(const std::string& name, int64_t channels) { add(name, {channels}); }
  void linear(const std::string& name, int64_t out, int64_t in, bool has_bias = true) {
    add(name, {out, in}, has_bias);
  }
  void conv(const std::string& name, int64_t out, int64_t in, int64_t size = 3) {
    add(name, {out, in, size, size});
  }
  void resnet(const std::string& name, int64_t in, int64_t out, int64_t time = 0) {
    norm(name + ".norm1", in);
    conv(name + ".conv1", out, in);
    if (time > 0) linear(name + ".time_emb_proj", out, time);
    norm(name + ".norm2", out);
    conv(name + ".conv2", out, out);
    if (in != out) conv(name + ".conv_shortcut", out, in, 1);
  }
  void attention(const std::string& name, int64_t channels, int64_t context, bool has_bias) {
    linear(name + ".to_q", channels, channels, has_bias);
    linear(name + ".to_k", channels, context, has_bias);
    linear(name + ".to_v", channels, context, has_bias);
    linear(name + ".to_out.0", channels, channels);
  }
  void transformer(const std::string& name, int64_t channels, int64_t context) {
    const std::string block = name + ".transformer_blocks.0";
    norm(name + ".norm", channels);
    conv(name + ".proj_in", channels, channels, 1);
    attention(block + ".attn1", channels, channels, false);
    attention(block + ".attn2", channels, context, false);
    linear(block + ".ff.net.0.proj", 8 * channels, channels);
    linear(block + ".ff.net.2", channels, 4 * channels);
    for (const char* n : {".norm1", ".norm2", ".norm3"}) norm(block + n, channels);
    conv(name + ".proj_out", channels, channels, 1);
  }
};

Part unet() {
  constexpr int64_t kWidths[] = {320, 640, 1280, 1280}, kTime = 1280, kContext = 768;
  Part p;
  p.conv("conv_in", 320, 4);
  p.linear("time_embedding.linear_1", kTime, 320);
  p.linear("time_embedding.linear_2", kTime, kTime);
  std::vector<int64_t> skips = {320};
  int64_t channels = 320;
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 2; ++j) {
      p.resnet(fmt::format("down_blocks.{}.resnets.{}", i, j), channels, kWidths[i], kTime);
      channels = kWidths[i];
      if (i < 3)
        p.transformer(fmt::format("down_blocks.{}.attentions.{}", i, j), channels, kContext);
      skips.push_back(channels);
    }
    if (i == 3) continue;
    p.conv(fmt::format("down_blocks.{}.downsamplers.0.conv", i), channels, channels);
    skips.push_back(channels);
  }
  p.resnet("mid_block.resnets.0", channels, channels, kTime);
  p.transformer("mid_block.attentions.0", channels, kContext);
  p.resnet("mid_block.resnets.1", channels, channels, kTime);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 3; ++j) {
      p.resnet(fmt::format("up_blocks.{}.resnets.{}", i, j), channels + skips.back(),
               kWidths[3 - i], kTime);
      skips.pop_back();
      channels = kWidths[3 - i];
      if (i > 0) p.transformer(fmt::format("up_blocks.{}.attentions.{}", i, j), channels, kContext);
    }
    if (i < 3) p.conv(fmt::format("up_blocks.{}.upsamplers.0.conv", i), channels, channels);
  }
  p.norm("conv_norm_out", channels);
  p.conv("conv_out", 4, channels);
  return p;
}

void vae_middle(Part& p, const std::string& side) {
  p.resnet(side + ".mid_block.resnets.0", 512, 512);
  p.norm(side + ".mid_block.attentions.0.group_norm", 512);
  p.attention(side + ".mid_block.attentions.0", 512, 512, true);
  p.resnet(side + ".mid_block.resnets.1", 512, 512);
}

// One side's levels: `layers` resnets each and a convolution between levels.
void vae_levels(Part& p, const std::string& blocks, const std::string& sampler,
                std::vector<int64_t> widths, int layers) {
  int64_t channels = widths[0];
  for (size_t i = 0; i < widths.size(); ++i) {
    for (int j = 0; j < layers; ++j) {
      p.resnet(fmt::format("{}.{}.resnets.{}", blocks, i, j), channels, widths[i]);
      channels = widths[i];
    }
    if (i + 1 < widths.size())
      p.conv(fmt::format("{}.{}.{}.0.conv", blocks, i, sampler), channels, channels);
  }
}

Part vae() {
  Part p;
  p.conv("encoder.conv_in", 128, 3);
  vae_levels(p, "encoder.down_blocks", "downsamplers", {128, 256, 512, 512}, 2);
  vae_middle(p, "encoder");
  p.norm("encoder.conv_norm_out", 512);
  p.conv("encoder.conv_out", 8, 512);
  p.conv("quant_conv", 8, 8, 1);
  p.conv("post_quant_conv", 4, 4, 1);
  p.conv("decoder.conv_in", 512, 4);
  vae_middle(p, "decoder");
  vae_levels(p, "decoder.up_blocks", "upsamplers", {512, 512, 256, 128}, 3);
  p.norm("decoder.conv_norm_out", 128);
  p.conv("decoder.conv_out", 3, 128);
  return p;
}

Part text_encoder() {
  Part p;
  p.add("text_model.embeddings.token_embedding", {49408, 768}, false);
  p.add("text_model.embeddings.position_embedding", {77, 768}, false);
  for (int i = 0; i < 12; ++i) {
    const std::string layer = fmt::format("text_model.encoder.layers.{}.", i);
    for (const char* name : {"q_proj", "k_proj", "v_proj", "out_proj"})
      p.linear(layer + "self_attn." + name, 768, 768);
    p.norm(layer + "layer_norm1", 768);
    p.norm(layer + "layer_norm2", 768);
    p.linear(layer + "mlp.fc1", 3072, 768);
    p.linear(layer + "mlp.fc2", 768, 3072);
  }
  p.norm("text_model.final_layer_norm", 768);
  return p;
}

Tensor random_f32(Shape shape, float deviation) {
  Tensor tensor(DType::f32, std::move(shape));
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(0, deviation);
  for (float& x : tensor.as<float>()) x = normal(engine);
  return tensor;
}

// 1 for the weights of norms; everything else shares one block of random values.
Status write_part(const std::string& path, const Part& part) {
  int64_t largest = 0;
  for (const auto& [name, shape] : part.tensors) largest = std::max(largest, element_count(shape));
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-0.02F, 0.02F);
  std::vector<uint16_t> random(largest), ones(largest, f32_to_f16(1));
  for (uint16_t& x : random) x = f32_to_f16(uniform(engine));
  std::vector<TensorView> views;
  for (const auto& [name, shape] : part.tensors) {
    const bool is_scale = shape.size() == 1 && name.ends_with(".weight");
    const auto values = std::span(is_scale ? ones : random).first(element_count(shape));
    views.push_back({name, DType::f16, shape, std::as_bytes(values)});
  }
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  return write_safetensors(path, views);
}

Status write_text(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  return write_file(path, text);
}

Status write_tokenizer(const std::string& folder) {
  std::string vocabulary = "{";
  int id = 0;
  for (const char* end : {"", "</w>"})
    for (const char letter : kLetters)
      vocabulary += fmt::format("\"{}{}\": {}, ", letter, end, id++);
  vocabulary += R"("<|startoftext|>": 49406, "<|endoftext|>": 49407})";
  TRY(write_text(folder + "/vocab.json", vocabulary));
  TRY(write_text(folder + "/merges.txt", "#version: 0.2\n"));
  return write_text(
      folder + "/tokenizer_config.json",
      R"({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "bos_token": "<|startoftext|>",
"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"})");
}

Status write_model(const std::string& folder) {
  TRY(write_part(folder + "/unet/diffusion_pytorch_model.safetensors", unet()));
  TRY(write_part(folder + "/vae/diffusion_pytorch_model.safetensors", vae()));
  TRY(write_part(folder + "/text_encoder/model.safetensors", text_encoder()));
  TRY(write_text(folder + "/unet/config.json", kUnet));
  TRY(write_text(folder + "/vae/config.json", kVae));
  TRY(write_text(folder + "/text_encoder/config.json", kText));
  TRY(write_text(folder + "/scheduler/scheduler_config.json", kScheduler));
  TRY(write_tokenizer(folder + "/tokenizer"));
  return write_text(folder + "/model_index.json", kIndex);
}

// Those of the peers: a step with guidance of a 512x512 picture, its latent, a prompt and a
// negative prompt, a picture.
Status write_inputs(const std::string& folder) {
  // Both halves of a guided step see one sample.
  const Tensor sample = random_f32({1, 4, 64, 64}, 1), context = random_f32({2, 77, 768}, 1);
  const auto timestep = Tensor::of<int64_t>(DType::i64, {1}, {500});
  const Tensor latent = random_f32({1, 4, 64, 64}, 1);
  Tensor ids(DType::i64, {2, 77});
  for (size_t i = 0; i < ids.as<int64_t>().size(); ++i)
    ids.as<int64_t>()[i] = static_cast<int64_t>(i * 317 % 49406);
  std::filesystem::create_directories(folder);
  TRY(write_safetensors(folder + "/unet.safetensors",
                        {view("sample", sample), view("timestep", timestep),
                         view("encoder_hidden_states", context)}));
  TRY(write_safetensors(folder + "/vae_decoder.safetensors", {view("latent", latent)}));
  const Tensor image = random_f32({1, 3, 512, 512}, 0.5F);
  TRY(write_safetensors(folder + "/vae_encoder.safetensors", {view("image", image)}));
  return write_safetensors(folder + "/text_encoder.safetensors", {view("input_ids", ids)});
}

}  // namespace
}  // namespace tempera::bench

int main(int argc, char** argv) {
  const std::string_view what = argc == 3 ? argv[1] : "";
  if (what != "model" && what != "inputs") {
    fmt::print(stderr, "usage: sd15 model DIR | sd15 inputs DIR\n");
    return 2;
  }
  const tempera::Status status = what == "model" ? tempera::bench::write_model(argv[2])
                                                 : tempera::bench::write_inputs(argv[2]);
  if (!status.ok()) fmt::print(stderr, "sd15: {}\n", status.error().message);
  return status.ok() ? 0 : tempera::exit_code(status.error().code);
}
