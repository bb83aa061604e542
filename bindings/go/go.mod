module libkata/bindings/go

go 1.19
